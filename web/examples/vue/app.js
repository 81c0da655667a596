import { createSSRApp } from 'vue';
import { ForYou } from './foryou.js';

createSSRApp(ForYou).mount('#app');
