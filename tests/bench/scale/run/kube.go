package run

import (
	"context"
	"fmt"
	"time"

	"tacho.test/bench/scale/kubedouble"
	"tacho.test/bench/scale/report"
)

// Reviews that are asked for by so many requests are cached.
const goalReviewsPerRequest = 0.01

// kubeSpan is what the API server was asked while the HPA and others asked the aggregator.
type kubeSpan struct {
	Counts   map[kubedouble.Kind]kubedouble.Counts `json:"counts"` // since the aggregator's start
	Token    int64                                 `json:"token_reviews"`
	Access   int64                                 `json:"access_reviews"`
	Requests float64                               `json:"requests"`
	Seconds  float64                               `json:"seconds"`
	Agents   int64                                 `json:"agents_reviews"` // of the start: one for each agent
}

// kubeLook is the beginning of one.
type kubeLook struct {
	at     time.Time
	counts map[kubedouble.Kind]kubedouble.Counts
	look   Look
}

func (s *Stage) lookKube(ctx context.Context) (*kubeLook, error) {
	look, err := s.Aggregator.Look(ctx)
	return &kubeLook{time.Now(), s.Double.Counts(), look}, err
}

func (l *kubeLook) until(now *kubeLook) *kubeSpan {
	span := now.look.Since(l.look)
	grown := func(kind kubedouble.Kind) int64 { return now.counts[kind].Requests - l.counts[kind].Requests }
	return &kubeSpan{Counts: now.counts, Token: grown(kubedouble.TokenReviews),
		Access: grown(kubedouble.AccessReviews), Requests: span.Requests(),
		Seconds: now.at.Sub(l.at).Seconds(), Agents: l.counts[kubedouble.TokenReviews].Requests}
}

func (b *Bench) kube(ctx context.Context) ([]report.Row, any, error) {
	if b.kept.kube == nil {
		if err := b.askForKube(ctx); err != nil {
			return nil, nil, err
		}
	}
	span := b.kept.kube
	rows := []report.Row{
		watchRow("pods", span.Counts[kubedouble.ListPods], span.Counts[kubedouble.WatchPods]),
		watchRow("nodes", span.Counts[kubedouble.ListNodes], span.Counts[kubedouble.WatchNodes]),
	}
	return append(rows, span.reviewsRow()), span, nil
}

func (s *kubeSpan) reviewsRow() report.Row {
	const what = "reviews of each request, cached"
	if s.Requests == 0 {
		return report.Missing(what, "≤ "+report.Text(goalReviewsPerRequest, ""), "there were no requests")
	}
	minutes := s.Seconds / 60
	return report.AtMost(what, float64(s.Token+s.Access)/s.Requests, goalReviewsPerRequest, "").
		With("%.1f token and %.1f access reviews a minute, while %.0f requests a second were answered; "+
			"%d token reviews at the start, one of each agent", float64(s.Token)/minutes, float64(s.Access)/minutes,
			s.Requests/s.Seconds, s.Agents)
}

// askForKube is what is looked at when the HPA was not measured before.
func (b *Bench) askForKube(ctx context.Context) error {
	s, err := b.stageOf(ctx, b.options.Nodes)
	if err != nil {
		return err
	}
	before, err := s.lookKube(ctx)
	if err != nil {
		return err
	}
	defer s.Churn(ctx, churnPods)()
	load := b.hpaLoad(s, hpaSmall)
	load.Rate, load.Seconds = 500, b.seconds(30, 5)
	if _, err = s.HPA(ctx, load); err != nil {
		return err
	}
	after, err := s.lookKube(ctx)
	if err == nil {
		b.kept.kube = before.until(after)
	}
	return err
}

// watchRow: either a list and a watch, or a watch that begins with all objects. Watches end by the
// server's will after some minutes, and go on.
func watchRow(resource string, list, watch kubedouble.Counts) report.Row {
	lists := list.Requests + watch.Initial
	return report.MustAlways("kube-apiserver: lists and watches of "+resource, "one each",
		fmt.Sprintf("%d and %d", lists, watch.Peak), lists == 1 && watch.Peak == 1).
		With("%s: %d requests, %d watches, %s told, %.1f MB", resource, list.Requests+watch.Requests,
			watch.Requests, report.Text(float64(list.Objects+watch.Objects), "objects"),
			float64(list.Bytes+watch.Bytes)/1e6)
}
