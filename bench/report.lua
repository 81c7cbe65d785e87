-- Has wrk report exact numbers: one line of JSON after a load.
-- Only `done` is defined: functions called for each request would slow wrk down.

function done(summary, latency, requests)
   local errors = summary.errors
   io.write(string.format(
      '{"requests": %d, "bytes": %d, "microseconds": %d, "p50_microseconds": %d, "p99_microseconds": %d, "broken": %d, "refused": %d}\n',
      summary.requests, summary.bytes, summary.duration, latency:percentile(50), latency:percentile(99),
      errors.connect + errors.read + errors.write + errors.timeout, errors.status))
end
