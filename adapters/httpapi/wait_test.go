package httpapi_test

import "time"

const (
	waitFor = 20 * time.Second
	tick    = 20 * time.Millisecond
)
