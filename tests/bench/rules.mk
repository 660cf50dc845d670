# Measurements by hand: they print figures and judge nothing. One line for each.

BENCHES := \
	bench_agent \
	bench_sources \
	bench_list \
	bench_metadata

BENCH_PROGRAMS := $(BENCHES:%=$(BUILD)/tests/bench/%)

bench: $(BENCH_PROGRAMS) $(PROGRAMS) ## the figures of docs/performance.md, measured on this machine
	@for program in $(BENCH_PROGRAMS); do echo "== $$program"; $$program || exit 1; done

$(BENCH_PROGRAMS): %: %.o $(LIB_HARNESS) $(LIB_AGENT) $(LIB_AGGREGATOR) $(LIB_BASE)
	@echo '  LINK     $@'
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(TEST_LIBS)
$(BENCH_PROGRAMS:=.o): | $(PROTO_GEN:.c=.h) $(BPF_SKELS)

# An iterator that does nothing, to hold ours against.
$(BUILD)/tests/bench/bench_sources.o: | $(GEN)/bpf/bare_walk.skel.h
$(GEN)/bpf/bare_walk.o: tests/bench/bare_walk.bpf.c
	@mkdir -p $(@D)
	@echo '  BPF      $(@F)'
	$(Q)$(CLANG) $(BPFFLAGS) -c -o $@ $<

-include $(BENCH_PROGRAMS:=.d)

# The load of a large cluster: tests/bench/scale/README.md. A program NAME is NAME.c and NAME_*.c.
SCALE_PROGRAMS := fleet

scale_objects = $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(addprefix tests/bench/scale/$(1),.c _*.c)))
define scale_program
$(BUILD)/tests/bench/scale/$(1): $(call scale_objects,$(1)) $(LIB_HARNESS) $(LIB_AGENT) $(LIB_AGGREGATOR) $(LIB_BASE)
	@echo '  LINK     $$@'
	$$(Q)$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(TEST_LIBS)
$(call scale_objects,$(1)): | $(PROTO_GEN:.c=.h) $(BPF_SKELS)
-include $(patsubst %.o,%.d,$(call scale_objects,$(1)))
endef
$(foreach program,$(SCALE_PROGRAMS),$(eval $(call scale_program,$(program))))

# The fleet's parts are no library: what they stand on comes once more behind them.
$(BUILD)/tests/unit/bench/test_fleet: private TEST_LIBS := $(LIB_BASE) $(TEST_LIBS)
$(BUILD)/tests/unit/bench/test_fleet: $(patsubst %,$(BUILD)/tests/bench/scale/fleet_%.o,figures lines pod wheel world) \
	| $(BUILD)/tests/bench/scale/fleet
