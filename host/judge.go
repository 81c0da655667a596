package host

import (
	"context"
	"errors"
)

// judge decides what a device believes. It is the module; tests have core in its
// place, where a process is killed too often to compile anything.
type judge interface {
	follow(ctx context.Context, request []byte) (step []byte, err error)
	// open opens a bundle by a state, and returns the state to store.
	open(ctx context.Context, state, file []byte) (h *Host, next []byte, err error)
	close(ctx context.Context) error
}

// moduleJudge is the module. It is compiled once for all the hosts of a Follower.
type moduleJudge struct {
	config Config // of the hosts
	bare   *Host  // of which only the compiled module is used
}

// barePages limits the memory of an instance without a bundle.
const barePages = 1024

func newModuleJudge(ctx context.Context, c Config) (*moduleJudge, error) {
	var err error
	if c.cache, err = newCache(c.CacheDir); err != nil {
		return nil, err
	}
	bare := c
	if bare.MemoryPages == 0 {
		bare.MemoryPages = barePages
	}
	j := &moduleJudge{config: c, bare: &Host{config: bare}}
	if err := j.bare.compile(ctx); err != nil {
		return nil, errors.Join(err, j.close(ctx))
	}
	return j, nil
}

// follow asks an instance of this one question's own.
func (j *moduleJudge) follow(ctx context.Context, request []byte) (step []byte, err error) {
	g, err := j.bare.bare(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, g.module.Close(ctx)) }()
	return g.follow(ctx, request)
}

func (j *moduleJudge) open(ctx context.Context, state, file []byte) (*Host, []byte, error) {
	c := j.config
	c.Root, c.Bundle = state, file
	h, err := Open(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	return h, h.state, nil
}

func (j *moduleJudge) close(ctx context.Context) error {
	return errors.Join(j.bare.free(ctx), j.config.cache.Close(ctx))
}
