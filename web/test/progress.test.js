import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Reporter } from '../progress.js';

test('snapshots come ten times a second, and ready last', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  let now = 0;
  const clock = mock.method(performance, 'now', () => now);
  const pass = (/** @type {number} */ ms) => ((now += ms), mock.timers.tick(ms));
  try {
    /** @type {import('../progress.js').Progress[]} */
    const told = [];
    const reporter = new Reporter((progress) => told.push(progress));
    for (let loaded = 10; loaded <= 100; loaded += 10) {
      reporter.step('module', loaded, 100);
      reporter.step('bundle', 2 * loaded, 0);
      pass(30);
    }
    const shown = ({ phase, loaded, total } = told[0]) => `${phase} ${loaded} ${total}`;
    // The server has not said how long the bundle is.
    assert.deepEqual(told.map(shown), ['download 30 0', 'download 150 0', 'download 270 0']);
    reporter.step('bundle', 200, 200);
    pass(100);
    assert.equal(shown(told.at(-1)), 'verify 300 300');
    reporter.step('bundle', 200, 200); // is on its way when the end comes
    reporter.ready();
    assert.deepEqual(told.at(-1), { phase: 'ready', loaded: 300, total: 300, module: { loaded: 100, total: 100 }, bundle: { loaded: 200, total: 200 } });
    const count = told.length;
    reporter.step('bundle', 200, 200);
    reporter.ready();
    pass(1000);
    assert.equal(told.length, count);

    const failed = new Reporter(() => assert.fail());
    failed.step('module', 1, 2);
    failed.stop();
    pass(1000);
  } finally {
    clock.mock.restore();
    mock.timers.reset();
  }
});
