-- What wrk sends: wrk ... -s wrk.lua URL -- METHOD DEPTH FILE
-- FILE has a request a line: PATH, or PATH<tab>ETAG for one with If-None-Match. DEPTH requests go at
-- once, as wrk's own pipelining example does it. All are made before the clock starts.

local requests = {}
local next_request = 0

function init(arguments)
    local method, depth, file = arguments[1], tonumber(arguments[2]), arguments[3]
    local batch = {}
    for line in io.lines(file) do
        local path, etag = line:match("^(%S+)\t?(%S*)$")
        local headers = {["Host"] = "127.0.0.1"}
        if etag ~= "" then headers["If-None-Match"] = etag end
        batch[#batch + 1] = wrk.format(method, path, headers)
        if #batch == depth then
            requests[#requests + 1] = table.concat(batch)
            batch = {}
        end
    end
end

function request()
    next_request = next_request % #requests + 1
    return requests[next_request]
end

function done(summary, latency, _)
    local errors = summary.errors
    io.write(string.format(
        "RESULT %d %d %d %d %d %d %d\n",
        summary.requests, summary.duration, summary.bytes, errors.status,
        errors.connect + errors.read + errors.write + errors.timeout,
        latency:percentile(50), latency:percentile(99)))
end
