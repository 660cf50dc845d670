# A real Prometheus with what it scrapes, rules, alerts and dashboard.

.PHONY: prometheus
prometheus: $(PROGRAMS) $(BUILD)/demo/load ## rules, alerts and dashboard against a real Prometheus (PROMETHEUS=, PROMTOOL=: paths)
	@BUILD=$(BUILD) tests/prometheus/run
