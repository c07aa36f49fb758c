package dispatch

import "goniec/internal/pause"

// sweep has what nobody can open any more removed from contents, now and then while the
// partition is owned. It is in no hurry: nobody waits for it, and a takeover comes first.
func (o *owner) sweep() {
	cfg := &o.d.cfg
	if cfg.Sweep == nil {
		return
	}
	for pause.For(o.soft, cfg.SweepEvery) == nil {
		n, err := cfg.Sweep(o.soft, o.part)
		if n > 0 {
			cfg.Metrics.Expired(o.part, n)
			o.log.Debug("contents that nobody can open any more got tombstones", "count", n)
		}
		if err != nil && o.soft.Err() == nil {
			o.log.Warn("not all contents that nobody can open any more got tombstones; it is tried again", "in", cfg.SweepEvery, "error", err)
		}
	}
}
