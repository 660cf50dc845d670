package check

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"sort"
	"time"
)

// Protobuf is what the HPA accepts.
const Protobuf = "application/vnd.kubernetes.protobuf"

// Client asks the aggregator.
type Client struct {
	Base    string // https://ADDRESS:PORT
	Headers http.Header
	client  *http.Client
}

// NewClient keeps its connections for the next question.
func NewClient(base string, config *tls.Config, headers http.Header) *Client {
	return &Client{Base: base, Headers: headers, client: &http.Client{Transport: &http.Transport{
		TLSClientConfig: config, MaxIdleConnsPerHost: 64, DisableCompression: true,
		ReadBufferSize: 64 << 10}}}
}

// Close ends its connections.
func (c *Client) Close() { c.client.CloseIdleConnections() }

// Answer is a body, and when its bytes came.
type Answer struct {
	Body              []byte
	Begin, First, End time.Time
	marks             []mark
}

type mark struct {
	upTo int
	at   time.Time
}

// At is when the byte before an offset came. It is that of the read: later than it was served when
// we were slow, never earlier.
func (a *Answer) At(offset int) time.Time {
	i := sort.Search(len(a.marks), func(i int) bool { return a.marks[i].upTo >= offset })
	if i == len(a.marks) {
		return a.End
	}
	return a.marks[i].at
}

// Took is how long it was until the last byte.
func (a *Answer) Took() time.Duration { return a.End.Sub(a.Begin) }

// Get asks for a path, and reads the answer into memory as fast as it comes. Any status but 200 is
// an error.
func (c *Client) Get(ctx context.Context, path, accept string) (*Answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Base+path, nil)
	if err != nil {
		return nil, err
	}
	for name, values := range c.Headers {
		request.Header[name] = values
	}
	request.Header.Set("Accept", accept)
	answer := &Answer{Begin: time.Now()}
	response, err := c.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer.First = time.Now()
	if err := answer.read(response.Body, response.ContentLength); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s: %.200s", path, response.Status, answer.Body)
	}
	return answer, nil
}

func (a *Answer) read(from io.Reader, length int64) error {
	a.Body = make([]byte, 0, max(length, 64<<10))
	for {
		if len(a.Body) == cap(a.Body) {
			a.Body = append(a.Body, 0)[:len(a.Body)] // grows
		}
		n, err := from.Read(a.Body[len(a.Body):cap(a.Body)])
		a.End = time.Now()
		if n > 0 {
			a.Body = a.Body[:len(a.Body)+n]
			a.marks = append(a.marks, mark{len(a.Body), a.End})
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
