package httpapi_test

import "time"

const (
	waitFor = time.Minute
	tick    = 20 * time.Millisecond
)
