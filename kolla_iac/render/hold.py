"""How the load balancer makes requests wait: a script that HAProxy runs, and where it lies.

Every request of a frontend asks whether its backend is held, and waits while it is. A hold ends by itself after the
seconds that it was asked for, whatever became of who asked; a reload or a restart of HAProxy ends it too. The admin
socket takes ``hold BACKEND SECONDS``, where 0 ends one, and ``hold BACKEND`` answers with the seconds that are left.
"""

SCRIPT = "/var/lib/haproxy/hold.lua"
"""On the load balancer's volume, beside the configuration that loads it: so both are always of one version."""

LUA = """\
-- written by kolla_iac: requests of a backend wait while what is behind it is exchanged
local ends = {}

local function left(backend)
    local now = core.now()
    local seconds = (ends[backend] or 0) - (now.sec + now.usec / 1000000)
    return seconds > 0 and seconds or 0
end

core.register_action("hold", {"http-req"}, function(txn, backend)
    while left(backend) > 0 do core.msleep(20) end
end, 1)

core.register_cli({"hold"}, "hold BACKEND [SECONDS] : makes requests wait", function(applet, _, backend, seconds)
    if tonumber(seconds) then
        local now = core.now()
        ends[backend] = now.sec + now.usec / 1000000 + tonumber(seconds)
    end
    applet:send(string.format("held %.3f\\n", left(backend)))
end)
"""
"""Source of the names: HAProxy's Lua reference, ``core.register_action`` and ``core.register_cli``."""
