package reactor

import (
	"context"
	"sync"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	wmessage "github.com/ThreeDotsLabs/watermill/message"
)

// sessions knows until when each partition is this process's. Watermill's subscriber
// does not take back what it handed over when the group shares its partitions out
// again, and the whole process stays out of the group for as long as one event is
// tried again. A tracer is the one thing that it shows a group's sessions to.
type sessions struct {
	kafka.SaramaTracer          // nil: a subscriber with a group calls nothing else
	of                 sync.Map // partition → context.Context of the session
}

// WrapConsumerGroupHandler implements kafka.SaramaTracer.
func (s *sessions) WrapConsumerGroupHandler(next sarama.ConsumerGroupHandler) sarama.ConsumerGroupHandler {
	return claims{next, s}
}

type claims struct {
	sarama.ConsumerGroupHandler
	sessions *sessions
}

// ConsumeClaim implements sarama.ConsumerGroupHandler. A partition's claims follow
// one another.
func (c claims) ConsumeClaim(s sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	c.sessions.of.Store(claim.Partition(), s.Context())
	return c.ConsumerGroupHandler.ConsumeClaim(s, claim)
}

// middleware ends the work on an event with the session. The subscriber then takes
// its success for nothing, and whoever has the partition next gets the event again.
func (s *sessions) middleware(h wmessage.HandlerFunc) wmessage.HandlerFunc {
	return func(m *wmessage.Message) ([]*wmessage.Message, error) {
		p, _ := kafka.MessagePartitionFromCtx(m.Context())
		found, _ := s.of.Load(p)
		session, ok := found.(context.Context)
		if !ok {
			return h(m)
		}
		ctx, cancel := context.WithCancelCause(m.Context())
		defer cancel(nil)
		defer context.AfterFunc(session, func() { cancel(context.Cause(session)) })()
		m.SetContext(ctx)
		out, err := h(m)
		if session.Err() != nil {
			return nil, nil
		}
		return out, err
	}
}
