import { renderToString } from 'react-dom/server';
import { createElement } from 'react';
import { ForYou } from './foryou.js';

export const html = renderToString(createElement(ForYou));
