package main

type thresholdCmd struct {
	From      string         `arg:"" placeholder:"root.nsr" help:"Root that the new one follows."`
	Threshold map[string]int `arg:"" mapsep:"," placeholder:"ROLE=N" help:"How many of the keys of root, manifest and head must sign from now on."`

	rootFlags
}

func (c *thresholdCmd) Run() error {
	old, p, err := follow(c.From)
	if err != nil {
		return err
	}
	if err := thresholds(&p, c.Threshold); err != nil {
		return err
	}
	return c.write(p, old, nextRoot)
}
