package main

import (
	"fmt"
	"io"
	"os"

	"github.com/schollz/progressbar/v3"

	"github.com/nearside/nearside/model/train"
)

// progress shows how far training is: a bar with the time that is left on a
// terminal, a line for each tenth elsewhere.
func progress(w io.Writer) func(train.Progress) {
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return bar(w)
		}
	}
	last := int64(-1)
	return func(p train.Progress) {
		if tenth := p.Done * 10 / max(1, p.Total); tenth != last {
			last = tenth
			fmt.Fprintf(w, "train: %d %%\n", tenth*10)
		}
	}
}

func bar(w io.Writer) func(train.Progress) {
	var b *progressbar.ProgressBar
	return func(p train.Progress) {
		if b == nil {
			b = progressbar.NewOptions64(p.Total, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription("train"),
				progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish())
		}
		// A bar that can't be drawn is no reason to stop training.
		_ = b.Set64(p.Done)
	}
}
