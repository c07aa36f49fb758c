package demo

import (
	"context"
	"fmt"
	"time"
)

// MaxKills of a run.
const MaxKills = 5

// moment is a point of a run at which everything is killed.
type moment struct {
	name string
	come func(sent int, c Count, of int) bool
}

func whileSending(share float64) moment {
	return moment{fmt.Sprintf("while sending, at %.0f %%", 100*share), func(sent int, _ Count, of int) bool {
		return float64(sent) >= share*float64(of)
	}}
}

// whileFalling is in the midst of the fallbacks: about three of five messages fall back.
func whileFalling(share float64) moment {
	return moment{fmt.Sprintf("while messages fall back, at %.0f %%", 100*share), func(_ int, c Count, of int) bool {
		return float64(c.FellBack) >= share*float64(of)
	}}
}

func whileEnding(share float64) moment {
	return moment{fmt.Sprintf("when %.0f %% have ended", 100*share), func(_ int, c Count, of int) bool {
		return float64(c.Ended) >= share*float64(of)
	}}
}

// momentsOf are the moments of a run with n kills, in order.
func momentsOf(n int) []moment {
	return [][]moment{
		nil,
		{whileSending(0.5)},
		{whileSending(0.5), whileFalling(0.45)},
		{whileSending(0.3), whileSending(0.7), whileFalling(0.45)},
		{whileSending(0.3), whileSending(0.7), whileFalling(0.45), whileEnding(0.7)},
		{whileSending(0.2), whileSending(0.5), whileSending(0.9), whileFalling(0.45), whileEnding(0.7)},
	}[n]
}

// kill ends everything but the carriers with SIGKILL, at once, and starts it again.
func (d *demo) kill(ctx context.Context) error {
	m := momentsOf(d.opt.Kills)[d.killed]
	d.killed++
	d.opt.Step("kill -9 " + m.name)
	o := Outage{Killed: time.Now().UTC(), When: m.name}
	if err := d.host.kill(); err != nil {
		return fmt.Errorf("kill: %w", err)
	}
	_ = d.detach() // from a broker that is gone
	if err := d.attach(ctx); err != nil {
		return fmt.Errorf("start again after a kill: %w", err)
	}
	o.Back = time.Now().UTC()
	d.outages = append(d.outages, o)
	d.opt.Step("go on")
	return nil
}
