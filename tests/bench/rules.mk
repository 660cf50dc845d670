# Measurements by hand: they print figures and judge nothing. One line for each.

BENCHES := \
	bench_agent \
	bench_exporter \
	bench_sources \
	bench_programs \
	bench_list \
	bench_metadata \
	bench_requests

BENCH_PROGRAMS := $(BENCHES:%=$(BUILD)/tests/bench/%)

bench: $(BENCH_PROGRAMS) $(PROGRAMS) $(BUILD)/tests/bench/scale/asker bench-cadvisor ## the figures of docs/performance.md, measured on this machine
	@for program in $(BENCH_PROGRAMS); do echo "== $$program"; $$program || exit 1; done

# What the agent is measured beside. Without Go it is left out, and bench_agent says so.
.PHONY: bench-cadvisor
bench-cadvisor:
	@tests/go "$${XDG_CACHE_HOME:-$$HOME/.cache}/tacho-e2e/go" build -o $(abspath $(BUILD))/bench-cadvisor \
		./bench/cadvisor || echo "cAdvisor can't be built"

$(BENCH_PROGRAMS): %: %.o $(LIB_HARNESS) $(LIB_AGENT) $(LIB_AGGREGATOR) $(LIB_BASE)
	@echo '  LINK     $@'
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(TEST_LIBS)
$(BENCH_PROGRAMS:=.o): $(PROTO_GEN:.c=.h) | $(BPF_SKELS)

# With the heap of the program that it measures.
$(BUILD)/tests/bench/bench_requests: TEST_LIBS := $(ALLOCATOR) $(TEST_LIBS)

# Programs that do nothing, to hold ours against.
$(BUILD)/tests/bench/bench_sources.o: | $(GEN)/bpf/bare_walk.skel.h
$(BUILD)/tests/bench/bench_programs.o: | $(GEN)/bpf/bare_packet.skel.h
$(GEN)/bpf/bare_walk.o $(GEN)/bpf/bare_packet.o: $(GEN)/bpf/%.o: tests/bench/%.bpf.c
	@mkdir -p $(@D)
	@echo '  BPF      $(@F)'
	$(Q)$(CLANG) $(BPFFLAGS) -c -o $@ $<

-include $(BENCH_PROGRAMS:=.d)

# --- the load of a large cluster (scale/README.md) ----------------------------------------------
# NAME is made of scale/NAME.c and scale/NAME_*.c.

SCALE_PROGRAMS := \
	asker \
	fleet

define scale_program
$(BUILD)/lib$(1).a: $$(call objects,$$(wildcard tests/bench/scale/$(1)_*.c))
$(BUILD)/tests/bench/scale/$(1): $(BUILD)/tests/bench/scale/$(1).o $(BUILD)/lib$(1).a $(LIB_AGENT) $(LIB_BASE)
	@echo '  LINK     $$@'
	$$(Q)$$(CC) $$(LDFLAGS) -o $$@ $$^ $(AGENT_LIBS) $(AGGREGATOR_LIBS)
endef
$(foreach program,$(SCALE_PROGRAMS),$(eval $(call scale_program,$(program))))

SCALE_OBJECTS := $(call objects,$(wildcard $(SCALE_PROGRAMS:%=tests/bench/scale/%.c) \
	$(SCALE_PROGRAMS:%=tests/bench/scale/%_*.c)))
$(SCALE_OBJECTS): $(PROTO_GEN:.c=.h) | $(BPF_SKELS)
-include $(SCALE_OBJECTS:.o=.d)

SCALE_BUILT := $(SCALE_PROGRAMS:%=$(BUILD)/tests/bench/scale/%)
SCALE_FLAGS := $(if $(ONLY),-only $(ONLY)) $(if $(NODES),-nodes $(NODES)) $(if $(QUICK),-quick)

bench-scale: $(PROGRAMS) $(SCALE_BUILT) ## 5,000 nodes, the goals and what was reached, 30 minutes (ONLY=, NODES=, QUICK=1)
	@BUILD=$(BUILD) BESIDE=$(if $(QUICK),no) tests/bench/scale/start $(SCALE_FLAGS)

bench-soak: $(PROGRAMS) $(SCALE_BUILT) ## memory of 5,000 nodes with pods that come and go (MINUTES=60)
	@BUILD=$(BUILD) BESIDE=no tests/bench/scale/start $(SCALE_FLAGS) -only soak -soak $(or $(MINUTES),60)m \
		-out $(BUILD)/bench-scale/soak.json

bench-pictures: ## docs/performance/*.svg and the tables of docs/performance.md from what bench-scale and bench-soak measured
	@scripts/performance-tables $(BUILD)/bench-scale/results.json
	@scripts/performance-pictures $(BUILD)/bench-scale/results.json $(wildcard $(BUILD)/bench-scale/soak.json)

# Their tests: the parts that stand alone.
$(filter $(BUILD)/tests/unit/bench/test_asker_%,$(UNIT_TESTS)): $(BUILD)/libasker.a
$(filter $(BUILD)/tests/unit/bench/test_asker_%,$(UNIT_TESTS)): TEST_LIBS := \
	$(BUILD)/libasker.a $(LIB_BASE) $(TEST_LIBS)

# The program's own.
integration $(BUILD)/tests/integration/test_asker: | $(BUILD)/tests/bench/scale/asker

# The fleet's parts are no library: what they stand on comes once more behind them.
$(BUILD)/tests/unit/bench/test_fleet: private TEST_LIBS := $(LIB_BASE) $(TEST_LIBS)
$(BUILD)/tests/unit/bench/test_fleet: $(patsubst %,$(BUILD)/tests/bench/scale/fleet_%.o,figures lines pod wheel world) \
	| $(BUILD)/tests/bench/scale/fleet
