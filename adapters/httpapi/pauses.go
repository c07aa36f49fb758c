package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/text/unicode/norm"

	"goniec/domain"
	"goniec/domain/account"
)

// registerPauses adds the kill switch (rules.md D17).
func (a *API) registerPauses(api huma.API) {
	op := func(id, method, path, summary, description string) operation {
		return operation{id: id, method: method, path: path, tag: "Operator", summary: summary, description: description}
	}
	register(a, api, op("list-pauses", http.MethodGet, "/v1/pauses", "What is paused, the oldest first", ""), a.pauses)
	register(a, api, op("pause", http.MethodPost, "/v1/pause", "Pause an account, a sender, a route or everything",
		"From at most 2 s after the answer nothing new of it is handed to a carrier. New messages are refused with 409 (code paused) unless only a route is paused; "+
			"what was accepted waits, and its validity goes on. Reports, opt-outs, cancels and configuration are decided as ever. Repeating it changes nothing."), a.pause)
	register(a, api, op("resume", http.MethodPost, "/v1/resume", "End a pause",
		"What waits goes on within 2 s, urgent messages first, within the routes' limits. Ending a pause that is not there changes nothing."), a.resume)
}

func (a *API) pauses(context.Context, *call, *noParams, *noBody) (*answer[PauseList], error) {
	out := PauseList{Pauses: []PauseBody{}}
	for _, p := range a.cfg.View.Pauses() {
		out.Pauses = append(out.Pauses, PauseBody{
			Switch: p.Switch.Name(), Scope: p.Switch.Scope, Account: p.Switch.Account, Sender: p.Switch.Sender, Route: p.Switch.Route,
			Reason: p.Reason, By: p.By, Since: p.Since,
		})
	}
	return ok(out)
}

func (a *API) pause(ctx context.Context, c *call, _ *noParams, body *PauseRequest) (*answer[SwitchBody], error) {
	return a.turn(ctx, c, body, func(sw account.Switch) account.Command {
		return account.Pause{Switch: sw, Reason: body.Reason, By: c.actor()}
	})
}

func (a *API) resume(ctx context.Context, c *call, _ *noParams, body *PauseRequest) (*answer[SwitchBody], error) {
	return a.turn(ctx, c, body, func(sw account.Switch) account.Command {
		return account.Resume{Switch: sw, Reason: body.Reason, By: c.actor()}
	})
}

func (a *API) turn(ctx context.Context, c *call, body *PauseRequest, command func(account.Switch) account.Command) (*answer[SwitchBody], error) {
	sw := account.Switch{Scope: body.Scope, Account: body.Account, Sender: norm.NFC.String(body.Sender), Route: body.Route}
	if err := a.checkSwitch(sw); err != nil {
		return nil, err
	}
	out, err := a.configureHere(ctx, c, account.Installation, sw.Stream(), command(sw))
	if err != nil {
		return nil, err
	}
	return ok(SwitchBody{Switch: sw.Name(), Paused: a.cfg.View.Paused(sw.Name()), Changed: len(out.Events) > 0})
}

// checkSwitch refuses what is not there: a pause that names it would hold nothing back.
func (a *API) checkSwitch(sw account.Switch) error {
	if err := sw.Validate(); err != nil {
		return err
	}
	view := a.cfg.View
	if _, known := view.AccountByID(sw.Account); sw.Account != "" && !known {
		return domain.RefuseField(CodeInvalidValue, "account", "there is no such account")
	}
	if sw.Scope != account.ScopeSender {
		return nil
	}
	_, known := view.SenderByID(sw.Sender)
	if sw.Account != "" {
		known = len(view.SendersNamed(sw.Account, sw.Sender)) > 0
	}
	if !known {
		return domain.RefuseField(CodeInvalidValue, "sender", "there is no such sender")
	}
	return nil
}
