package httpapi

import (
	"context"
	"slices"

	"goniec/domain/account"
	"goniec/domain/calendar"
)

// switchBody shows what stands beside a sender's state.
func switchBody(b *SenderBody, s account.Sender) {
	b.Closed = s.Closed
	if n := s.Notice; n != nil {
		b.Notice = &NoticeBody{Month: n.Month.String(), Effect: n.Effect, Close: n.Close, Reason: n.Reason}
	}
	if e := s.Enabling; e != nil {
		b.Enabling = &EnablingBody{From: e.From.String(), AsSoonAsPossible: e.AsSoonAsPossible}
	}
	if x := s.Suspension; x != nil {
		b.Suspended = &SuspendedBody{Since: x.Since, By: x.By, Reason: x.Reason}
	}
	if t := s.OpenTasks(); len(t) > 0 {
		b.Task = taskBody(t[0])
	}
}

func taskBody(t account.Task) *TaskBody {
	return &TaskBody{Kind: string(t.Kind), Due: t.Due, Overdue: t.Overdue}
}

func (a *API) disableSender(ctx context.Context, c *call, in *senderParams, body *DisableRequest) (*answer[SenderBody], error) {
	month, err := monthOf(body.Month)
	if err != nil {
		return nil, err
	}
	return a.decideSender(ctx, c, in, func(v int64) account.Command {
		return account.DisableSender{Reason: body.Reason, Month: month, Close: body.Close, IfVersion: v}
	})
}

func (a *API) enableSender(ctx context.Context, c *call, in *senderParams, body *EnableRequest) (*answer[SenderBody], error) {
	month, err := monthOf(body.Month)
	if err != nil {
		return nil, err
	}
	return a.decideSender(ctx, c, in, func(v int64) account.Command {
		return account.EnableSender{Month: month, AsSoonAsPossible: body.AsSoonAsPossible, IfVersion: v}
	})
}

// monthOf is a month that may be left out.
func monthOf(s string) (calendar.Month, error) {
	if s == "" {
		return calendar.Month{}, nil
	}
	return billMonth(s)
}

// tasks lists what is open of all senders, the most urgent first; what has no date
// comes last.
func (a *API) tasks(_ context.Context, _ *call, _ *noParams, _ *noBody) (*answer[TaskList], error) {
	out := TaskList{Tasks: []SenderTask{}}
	for _, s := range a.cfg.View.Senders("") {
		for _, t := range s.OpenTasks() {
			out.Tasks = append(out.Tasks, SenderTask{TaskBody: *taskBody(t), Sender: s.ID, Account: s.Account, Name: s.Name, Country: s.Country})
		}
	}
	slices.SortStableFunc(out.Tasks, func(x, y SenderTask) int {
		switch {
		case x.Due.IsZero() == y.Due.IsZero():
			return x.Due.Compare(y.Due)
		case x.Due.IsZero():
			return 1
		}
		return -1
	})
	return ok(out)
}
