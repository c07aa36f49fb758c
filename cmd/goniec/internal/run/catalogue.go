package run

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// catalogue is a registry that knows what was registered, also what has no
// sample yet: docs/metrics.md is made from it.
type catalogue struct {
	*prometheus.Registry

	mu     sync.Mutex
	listed []listedMetric
}

// listedMetric is one line of the page.
type listedMetric struct {
	Name, Type, Help string
	Labels           []string
}

func newCatalogue() *catalogue { return &catalogue{Registry: prometheus.NewRegistry()} }

// Register implements prometheus.Registerer.
func (c *catalogue) Register(m prometheus.Collector) error {
	if err := c.Registry.Register(m); err != nil {
		return err
	}
	c.list(m)
	return nil
}

// MustRegister implements prometheus.Registerer.
func (c *catalogue) MustRegister(ms ...prometheus.Collector) {
	c.Registry.MustRegister(ms...)
	for _, m := range ms {
		c.list(m)
	}
}

var descForm = regexp.MustCompile(`^Desc\{fqName: "([^"]+)", help: "(.*?)", (?:unit: "[^"]*", )?constLabels: \{.*\}, variableLabels: \{(.*)\}\}$`)

func (c *catalogue) list(m prometheus.Collector) {
	descs := make(chan *prometheus.Desc, 1000)
	m.Describe(descs)
	close(descs)
	c.mu.Lock()
	defer c.mu.Unlock()
	for d := range descs {
		p := descForm.FindStringSubmatch(d.String())
		if p == nil || !strings.HasPrefix(p[1], "goniec_") {
			continue
		}
		l := listedMetric{Name: p[1], Type: typeOf(m, p[1]), Help: strings.ReplaceAll(p[2], `\"`, `"`)}
		if p[3] != "" {
			l.Labels = strings.Split(p[3], ",")
		}
		c.listed = append(c.listed, l)
	}
	slices.SortFunc(c.listed, func(a, b listedMetric) int { return cmp.Compare(a.Name, b.Name) })
}

func typeOf(m prometheus.Collector, name string) string {
	switch m.(type) {
	case *prometheus.HistogramVec, prometheus.Histogram:
		return "histogram"
	}
	if strings.HasSuffix(name, "_total") {
		return "counter"
	}
	return "gauge"
}

// metricMaker registers the metrics of one subsystem.
type metricMaker struct {
	reg       prometheus.Registerer
	subsystem string
}

func (f metricMaker) counter(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "goniec", Subsystem: f.subsystem, Name: name, Help: help}, labels)
	f.reg.MustRegister(c)
	return c
}

func (f metricMaker) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "goniec", Subsystem: f.subsystem, Name: name, Help: help}, labels)
	f.reg.MustRegister(g)
	return g
}

func (f metricMaker) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "goniec", Subsystem: f.subsystem, Name: name, Help: help, Buckets: buckets}, labels)
	f.reg.MustRegister(h)
	return h
}

// desc describes a metric that is made when it is asked for.
func (f metricMaker) desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName("goniec", f.subsystem, name), help, labels, nil)
}

// gathered is a collector whose samples are made when they are asked for.
type gathered struct {
	descs   []*prometheus.Desc
	collect func(ch chan<- prometheus.Metric)
}

func (g gathered) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range g.descs {
		ch <- d
	}
}

func (g gathered) Collect(ch chan<- prometheus.Metric) { g.collect(ch) }

func sample(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func total(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
}
