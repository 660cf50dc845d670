# The chart's tests, and what they and lint look YAML up with.

FLATTEN := $(BUILD)/tests/chart/flatten

chart: $(FLATTEN) ## the chart's tests alone (HELM=path of helm)
	@BUILD=$(BUILD) tests/run tests/chart/test_chart

$(FLATTEN): tests/chart/flatten.c
	@mkdir -p $(@D)
	@echo '  CC       $<'
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< -lyaml
