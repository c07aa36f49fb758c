package demo

import "context"

func (m *month) check(ctx context.Context) error { return nil }
