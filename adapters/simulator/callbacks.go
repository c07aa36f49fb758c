package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

const maxAckBody = 64 << 10

var errNoAddress = errors.New("simulator: no callback address yet")

// callbacks posts Viber's reports. Safe for concurrent use.
type callbacks struct {
	client *http.Client
	own    map[int64]string // addresses of services

	mu   sync.Mutex
	base string // address of all others
}

func newCallbacks(cfg Config) *callbacks {
	transport := &http.Transport{
		MaxIdleConns: cfg.Workers, MaxIdleConnsPerHost: cfg.Workers, IdleConnTimeout: 30 * time.Second, DisableCompression: true,
	}
	noRedirect := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c := &callbacks{base: cfg.CallbackURL, own: map[int64]string{}, client: &http.Client{Transport: transport, CheckRedirect: noRedirect}}
	for _, s := range cfg.Services {
		if s.CallbackURL != "" {
			c.own[s.ID] = s.CallbackURL
		}
	}
	return c
}

func (c *callbacks) setBase(url string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.base = url
}

func (c *callbacks) address(service int64) string {
	if url, ok := c.own[service]; ok {
		return url
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base
}

// post makes one call; only a 2xx is an acknowledgement.
func (c *callbacks) post(ctx context.Context, r *pending) error {
	url := c.address(r.of.submit.Service)
	if url == "" {
		return errNoAddress
	}
	body, err := callbackBody(r)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAckBody))
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("simulator: the callback was answered with %d", resp.StatusCode)
	}
	return nil
}

// wireStatus is message_status; a reply has none.
var wireStatus = map[Report]int{Delivered: 0, Seen: 1, Expired: 2, Subscribe: 4, Unsubscribe: 5}

type wireReport struct {
	Token   string `json:"message_token"`
	Status  int    `json:"message_status"`
	Time    int64  `json:"message_time"`
	Number  string `json:"phone_number"`
	Service int64  `json:"service_id"`
}

type wireReply struct {
	Token   string           `json:"message_token"`
	Number  string           `json:"phone_number"`
	Time    int64            `json:"time"`
	Service int64            `json:"service_id"`
	Message wireReplyMessage `json:"message"`
}

type wireReplyMessage struct {
	Text     string `json:"text"`
	Tracking string `json:"tracking_data"`
}

// callbackBody is what Viber posts. A reply's token is its own, the same at each try.
func callbackBody(r *pending) ([]byte, error) {
	number, at := strings.TrimPrefix(r.of.number, "+"), r.plan.At.UnixMilli()
	if r.plan.Do == Reply {
		return json.Marshal(wireReply{
			Token: replyToken(r), Number: number, Time: at, Service: r.of.submit.Service,
			Message: wireReplyMessage{Text: r.plan.Text, Tracking: r.of.submit.Tracking},
		})
	}
	return json.Marshal(wireReport{Token: r.of.id, Status: wireStatus[r.plan.Do], Time: at, Number: number, Service: r.of.submit.Service})
}

// replyToken turns the message's token into another that nobody else has: real
// tokens begin with 5, replies' with 6 and their place in the plan.
func replyToken(r *pending) string {
	return fmt.Sprintf("%d%s", 60+r.plan.N%10, r.of.id[1:])
}
