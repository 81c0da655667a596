// worker.js for a page that follows a channel. What it needs of it, it asks the
// page for, by name; like the other it has no connection of its own.

import { ChannelEngine } from './channel-engine.js';
import { answer } from './engine.js';

const engine = new ChannelEngine((name, ...args) => self.postMessage({ name, args }));

self.onmessage = ({ data }) => answer(engine, data, (message) => self.postMessage(message));
