package main

import (
	"fmt"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows on standard error how far a task is: as a bar with the time
// left on a terminal, elsewhere as a line every few seconds, so that a short
// task leaves no trace in a log.
type progress struct {
	title string
	tty   bool
	bar   *progressbar.ProgressBar // made by the first set, which knows the total
	last  time.Time                // of the line last printed
}

// lineEvery is how often a log hears of a long task.
const lineEvery = 5 * time.Second

func newProgress(title string) *progress {
	info, err := os.Stderr.Stat()
	return &progress{
		title: title,
		tty:   err == nil && info.Mode()&os.ModeCharDevice != 0,
		last:  time.Now(),
	}
}

// set says that done of total is finished; a total of 0 is not known.
func (p *progress) set(done, total int64) {
	switch {
	case p.tty && p.bar == nil:
		if total == 0 {
			total = -1 // progressbar's word for it
		}
		p.bar = progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(os.Stderr),
			progressbar.OptionSetDescription(p.title),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish())
		fallthrough
	case p.tty:
		_ = p.bar.Set64(done) // a terminal that cannot be written to is no reason to stop
	case time.Since(p.last) >= lineEvery && total > 0:
		p.last = time.Now()
		fmt.Fprintf(os.Stderr, "%s: %d %%\n", p.title, 100*done/total)
	}
}

// end takes the bar away.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Clear() // as in set
	}
}
