# A real Prometheus in front of the real programs; it is built by Go.

.PHONY: prometheus
prometheus: $(PROGRAMS) $(BUILD)/demo/load ## a real Prometheus scrapes both programs: names, rules, alerts, dashboard (RUN=REGEXP: some)
	@BUILD=$(BUILD) RUN='$(RUN)' tests/prometheus/run
