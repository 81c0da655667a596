import { render } from 'svelte/server';
import ForYou from './ForYou.svelte';

export const html = render(ForYou).body;
