-- Has wrk send requests in groups of 16 without waiting between them; reports as report.lua.

local group

function init(args)
   local requests = {}
   for i = 1, 16 do
      requests[i] = wrk.format()
   end
   group = table.concat(requests)
end

function request()
   return group
end

dofile((string.gsub(debug.getinfo(1, "S").source, "^@(.*)pipeline%.lua$", "%1report.lua")))
