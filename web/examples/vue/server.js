import { createSSRApp } from 'vue';
import { renderToString } from 'vue/server-renderer';
import { ForYou } from './foryou.js';

export const html = await renderToString(createSSRApp(ForYou));
