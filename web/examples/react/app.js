import { hydrateRoot } from 'react-dom/client';
import { createElement } from 'react';
import { ForYou } from './foryou.js';

hydrateRoot(document.getElementById('app'), createElement(ForYou));
