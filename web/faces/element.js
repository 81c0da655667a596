// The three elements: <nearside-feed>, <nearside-why> and <nearside-privacy>.
// Each can be had alone, from the file of its name.

import './feed.js';
import './privacy.js';
import './why.js';
