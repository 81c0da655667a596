import { hydrate } from 'svelte';
import ForYou from './ForYou.svelte';

hydrate(ForYou, { target: document.getElementById('app') });
