package decider

// cache keeps the entries used last, in two generations: when the young one is
// full it becomes the old one. Used by one goroutine.
type cache struct {
	young, old map[string]*entry
	limit      func() int // of both
}

func newCache(limit func() int) *cache {
	return &cache{young: map[string]*entry{}, old: map[string]*entry{}, limit: limit}
}

func (c *cache) get(stream string) (*entry, bool) {
	if e, ok := c.young[stream]; ok {
		return e, true
	}
	e, ok := c.old[stream]
	if ok {
		c.put(stream, e)
	}
	return e, ok
}

func (c *cache) put(stream string, e *entry) {
	if len(c.young) >= c.limit()/2 {
		c.old, c.young = c.young, map[string]*entry{}
	}
	c.young[stream] = e
}
