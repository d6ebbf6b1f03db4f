package main

import (
	"slices"
	"sync"
	"time"
)

// samples are latencies of one kind of thing within a window of time.
type samples struct {
	mutex  sync.Mutex
	taken  []time.Duration
	failed int
	// pending is when what is under way began, by the one who does it.
	pending map[int]time.Time
}

func newSamples() *samples {
	return &samples{pending: map[int]time.Time{}}
}

// try times one try of this worker.
func (s *samples) try(worker int, work func() error) error {
	return s.tryFrom(time.Now(), worker, work)
}

// tryFrom times one try of this worker from the moment it was due.
func (s *samples) tryFrom(begun time.Time, worker int, work func() error) error {
	s.mutex.Lock()
	s.pending[worker] = begun
	s.mutex.Unlock()
	err := work()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(s.pending, worker)
	if err != nil {
		s.failed++
	} else {
		s.taken = append(s.taken, time.Since(begun))
	}
	return err
}

// begin forgets what was before this moment.
func (s *samples) begin() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.taken, s.failed = s.taken[:0], 0
}

// window is what was done, sorted, and the share of it that did not fail. What
// is under way still counts with the time it has taken so far if that is more
// than the slowest that was done: it would be the slowest.
func (s *samples) window() (done []time.Duration, complete float64) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	done = slices.Clone(s.taken)
	slices.Sort(done)
	tried, good := len(done)+s.failed, len(done)
	for _, begun := range s.pending {
		if so := time.Since(begun); so > time.Second && (len(done) == 0 || so > done[len(done)-1]) {
			done = append(done, so)
			tried++
		}
	}
	if tried == 0 {
		return done, 0
	}
	return done, float64(good) / float64(tried)
}

// merge is the windows of all, sorted, and the share of them that did not fail.
func merge(all []*samples) (merged []time.Duration, complete float64) {
	for _, one := range all {
		done, share := one.window()
		merged = append(merged, done...)
		complete += share / float64(len(all))
	}
	slices.Sort(merged)
	return merged, complete
}

// percentiles adds p50_us and its like, of sorted values.
func (f figures) percentiles(sorted []time.Duration) {
	f.shares("", sorted, map[string]float64{"p50_us": 0.5, "p90_us": 0.9, "p99_us": 0.99, "p999_us": 0.999})
}

// few adds only the two that tell of a disturbance, with this before their names.
func (f figures) few(prefix string, sorted []time.Duration) {
	f.shares(prefix, sorted, map[string]float64{"p50_us": 0.5, "p99_us": 0.99})
}

func (f figures) shares(prefix string, sorted []time.Duration, shares map[string]float64) {
	if len(sorted) == 0 {
		return
	}
	for name, share := range shares {
		at := min(int(share*float64(len(sorted))), len(sorted)-1)
		f[prefix+name] = float64(sorted[at].Nanoseconds()) / 1000
	}
}
