# Measurements by hand: they print figures and assert nothing. One line for each.

BENCHES := \
	bench_agent \
	bench_sources \
	bench_list

BENCH_PROGRAMS := $(BENCHES:%=$(BUILD)/tests/bench/%)

bench: $(BENCH_PROGRAMS) $(PROGRAMS) ## print what things cost on this machine
	@for program in $(BENCH_PROGRAMS); do echo "== $$program"; $$program || exit 1; done

$(BENCH_PROGRAMS:=.o): | $(PROTO_GEN:.c=.h) $(BPF_SKELS)
$(BENCH_PROGRAMS): %: %.o $(LIB_HARNESS) $(LIB_AGENT) $(LIB_AGGREGATOR) $(LIB_BASE)
	@echo '  LINK     $@'
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(TEST_LIBS)

-include $(BENCH_PROGRAMS:=.d)
