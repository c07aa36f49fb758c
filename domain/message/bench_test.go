package message_test

import (
	"encoding/json"
	"testing"
	"time"

	"goniec/domain/message"
)

// BenchmarkLife decides a whole ordinary life: request, answer, delivered, read.
// It reports the size of the state as JSON while the message lives.
func BenchmarkLife(b *testing.B) {
	f := facts(start)
	var size int
	for b.Loop() {
		s := message.New("0190a5a0-0000-8000-8000-000000000000")
		for _, c := range []message.Command{
			request(),
			message.Answer{Attempt: "a-0", Outcome: message.OutcomeAccepted, CarrierIDs: []string{"5379697806260881548"}, At: start},
			message.Report{Attempt: "a-0", CarrierID: "5379697806260881548", Status: message.ReportDelivered, At: start, Received: start.Add(time.Second)},
			message.Report{Attempt: "a-0", CarrierID: "5379697806260881548", Status: message.ReportRead, At: start, Received: start.Add(time.Second)},
		} {
			out, err := message.Decide(s, f, c)
			if err != nil {
				b.Fatal(err)
			}
			s = message.Apply(s, out)
			if size == 0 && s.Status == message.StatusSent {
				j, _ := json.Marshal(s)
				size = len(j)
			}
		}
		if !s.Ended() {
			b.Fatal("not ended")
		}
	}
	b.ReportMetric(float64(size), "state-bytes")
}
