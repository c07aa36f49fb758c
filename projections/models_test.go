package projections_test

import (
	"time"

	"goniec/projections"
	"goniec/projections/models"
)

func modelsAll() []projections.Projection { return models.All() }

const (
	waitLong  = time.Minute
	pollOften = 5 * time.Millisecond
)
