-- Limits that several servers share: each call checks and changes everything at once, by the store's own clock.
--
--   penstock:servers        sorted set: server -> when its lease ends, in microseconds since 1970
--   penstock:life           who came first since the store was empty
--   penstock:window:RULE    hash: what came in each 1/512 of the window; `sum`, and the `low`est and `high`est part
--   penstock:held:RULE      hash: server -> what its requests under way may come to use
--   penstock:spent:RULE:MONTH   hash: `sum`, in 10^-9 of the currency
--
-- A rule is {id, quantity, seconds, limit, asked, floor}. Everything expires by itself.

local PARTS = 512
local LEASE = 45 * 1000000
local DAY = 86400
local REQUESTS, PLACES, MONEY = 0, 1, 4
local ROOT = 'penstock:'
local SERVERS = ROOT .. 'servers'
local LIFE = ROOT .. 'life'

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local function whole(number)
  return string.format('%.0f', number)
end

-- Servers ---------------------------------------------------------------------------------------------------------

local known
local function live()
  if not known then
    known = {}
    for _, server in ipairs(redis.call('ZRANGEBYSCORE', SERVERS, now, '+inf')) do
      known[server] = true
    end
  end
  return known
end

local function renew(server)
  redis.call('ZADD', SERVERS, whole(now + LEASE), server)
  redis.call('ZREMRANGEBYSCORE', SERVERS, '-inf', '(' .. whole(now))
  redis.call('EXPIRE', SERVERS, DAY)
  redis.call('EXPIRE', LIFE, 2 * DAY)
  return redis.call('ZRANGE', SERVERS, 0, -1)
end

-- Windows: a part counts until the last moment of it is as old as the window is long ------------------------------

local function amounts(window, from, to)
  local names = {}
  for part = from, to do
    names[#names + 1] = whole(part)
  end
  return redis.call('HMGET', window.key, unpack(names)), names
end

local function write(window)
  redis.call('HSET', window.key, 'sum', whole(window.sum), 'low', whole(window.low), 'high', whole(window.high))
  redis.call('PEXPIRE', window.key, whole(window.seconds * 1010 + 1000))
end

local function add(window, amount)
  window.sum, window.high = window.sum + amount, window.slot
  redis.call('HINCRBY', window.key, whole(window.slot), whole(amount))
  write(window)
end

local function forget(window)
  local oldest = window.slot - PARTS
  if window.high < oldest then
    redis.call('DEL', window.key)
    window.sum, window.low, window.high = 0, window.slot, window.slot
  elseif window.low < oldest then
    local gone, names = amounts(window, window.low, oldest - 1)
    for _, amount in ipairs(gone) do
      window.sum = window.sum - (tonumber(amount) or 0)
    end
    redis.call('HDEL', window.key, unpack(names))
    window.low = oldest
    write(window)
  end
end

local function opened(id, seconds)
  local window = {key = ROOT .. 'window:' .. id, seconds = seconds, part = seconds * 1000000 / PARTS}
  local kept = redis.call('HMGET', window.key, 'sum', 'low', 'high')
  window.slot = math.floor(now / window.part)
  window.sum = tonumber(kept[1]) or 0
  window.low, window.high = tonumber(kept[2]) or window.slot, tonumber(kept[3]) or window.slot
  if window.high > window.slot then -- the store's clock was set back: all that is there counts from now on
    redis.call('DEL', window.key)
    local sum = window.sum
    window.sum, window.low, window.high = 0, window.slot, window.slot
    add(window, sum)
  elseif kept[1] then
    forget(window)
  end
  return window
end

local function give_back(window, at, amount)
  local slot = math.floor(at / window.part)
  local there = tonumber(redis.call('HGET', window.key, whole(slot))) or 0
  amount = math.min(amount, there)
  if amount > 0 then
    window.sum = window.sum - amount
    redis.call('HINCRBY', window.key, whole(slot), whole(-amount))
    write(window)
  end
end

local function until_less(window, by)
  if by <= 0 or window.sum <= 0 then
    return 0
  end
  local gone = 0
  for index, amount in ipairs((amounts(window, window.low, window.high))) do
    gone = gone + (tonumber(amount) or 0)
    if gone >= math.min(by, window.sum) then
      return (window.low + index + PARTS) * window.part - now
    end
  end
  return window.seconds * 1000000
end

local function until_empty(window)
  return window.sum > 0 and (window.high + 1 + PARTS) * window.part - now or 0
end

-- What requests under way hold, by server: a server whose lease ended holds nothing -------------------------------

local function held_of(id)
  local key, sum = ROOT .. 'held:' .. id, 0
  local kept = redis.call('HGETALL', key)
  for index = 1, #kept, 2 do
    if live()[kept[index]] then
      sum = sum + tonumber(kept[index + 1])
    else
      redis.call('HDEL', key, kept[index])
    end
  end
  return sum
end

local function hold(id, server, amount)
  if amount > 0 then
    redis.call('HINCRBY', ROOT .. 'held:' .. id, server, whole(amount))
    redis.call('EXPIRE', ROOT .. 'held:' .. id, 2 * DAY)
  end
end

local function release(id, server, amount)
  local key = ROOT .. 'held:' .. id
  if redis.call('HINCRBY', key, server, whole(-amount)) <= 0 then
    redis.call('HDEL', key, server)
  end
end

-- Money, by month of the calendar ---------------------------------------------------------------------------------

local function month_now() -- days_from_civil turned round, by Howard Hinnant
  local days = math.floor(now / 1000000 / DAY) + 719468
  local era = math.floor(days / 146097)
  local day = days - era * 146097
  local year = math.floor((day - math.floor(day / 1460) + math.floor(day / 36524) - math.floor(day / 146096)) / 365)
  local of_year = day - (365 * year + math.floor(year / 4) - math.floor(year / 100))
  local march = math.floor((5 * of_year + 2) / 153)
  local month = march < 10 and march + 3 or march - 9
  local of_month = of_year - math.floor((153 * march + 2) / 5)
  return (year + era * 400 + (month <= 2 and 1 or 0)) * 100 + month, of_month * DAY + now / 1000000 % DAY
end

local function purse(id, floor, floor_month)
  local month, age = month_now()
  local key = ROOT .. 'spent:' .. id .. ':' .. month
  local sum = tonumber(redis.call('HGET', key, 'sum')) or 0
  -- The ledger's word may be some minutes old, and a server's clock wrong: at the turn of the month it is not taken.
  if floor and floor > sum and floor_month == month and age > 600 then
    sum = floor
    redis.call('HSET', key, 'sum', whole(sum))
    redis.call('EXPIRE', key, 40 * DAY)
  end
  return {key = key, sum = sum}
end

local function spend(id, amount)
  local key = purse(id).key
  redis.call('HINCRBY', key, 'sum', whole(amount))
  redis.call('EXPIRE', key, 40 * DAY)
end

-- The commands ----------------------------------------------------------------------------------------------------

local function state_of(id, quantity, seconds, floor, floor_month)
  local state = {used = 0, held = 0}
  if seconds > 0 then
    state.window = opened(id, seconds)
    state.used = state.window.sum
  elseif quantity == MONEY then
    state.used = purse(id, floor, floor_month).sum
  end
  if quantity ~= REQUESTS then
    state.held = held_of(id)
  end
  return state
end

local function told(state, wait)
  local reset = 0
  if state.window then
    state.used = state.window.sum
    reset = state.held > 0 and state.window.seconds * 1000000 or until_empty(state.window)
  end
  return {state.used, state.held, math.ceil(reset), math.ceil(wait or 0)}
end

local function admit(server, month, rules)
  if not live()[server] then
    return {'unknown'}
  end
  local states, answer, full = {}, {'admitted', now}, false
  for index, rule in ipairs(rules) do
    local id, quantity, seconds, limit, asked, floor = unpack(rule)
    local state = state_of(id, quantity, seconds, floor, month)
    states[index] = state
    state.over = state.used + state.held + asked - limit
    full = full or (asked > 0 and state.over > 0)
  end
  for index, rule in ipairs(rules) do
    local id, quantity, asked = rule[1], rule[2], rule[5]
    local state, wait = states[index], 0
    if full then
      wait = state.over > 0 and state.window and until_less(state.window, state.over - state.held) or 0
    elseif quantity == REQUESTS then
      add(state.window, asked)
    else
      hold(id, server, asked)
      state.held = state.held + asked
    end
    answer[index + 2] = told(state, wait)
  end
  if full then
    answer[1] = 'refused'
  end
  return answer
end

-- Each rule: {id, quantity, seconds, held, used}; `used` of a request is what is given back of it, below nothing.
local function settle(server, at, rules)
  local answer = {}
  for index, rule in ipairs(rules) do
    local id, quantity, seconds, held, used = unpack(rule)
    if quantity ~= REQUESTS then
      release(id, server, held)
    end
    local state = state_of(id, quantity, seconds)
    if quantity == MONEY and used > 0 then
      spend(id, used)
      state.used = state.used + used
    elseif state.window and used < 0 then
      give_back(state.window, at, -used)
    elseif state.window and used > 0 then
      add(state.window, used)
    end
    answer[index] = told(state)
  end
  return answer
end

local function beat(server)
  if not live()[server] then
    return {}
  end
  return renew(server)
end

-- A server comes, or comes back under a new name.
local function join(before, server)
  if before ~= '' then
    redis.call('ZREM', SERVERS, before)
  end
  redis.call('SET', LIFE, server, 'NX')
  local servers = renew(server)
  return {redis.call('GET', LIFE), servers}
end

-- What a server knows from before the store was away, and used meanwhile: {id, quantity, seconds, known, since, held}.
-- `run` names this life of the store: of what it may have lost, the most that any server knew is put back once.
local function restore(server, run, rules)
  for _, rule in ipairs(rules) do
    local id, quantity, seconds, before, since, held = unpack(rule)
    hold(id, server, held)
    if seconds > 0 then
      local window = opened(id, seconds)
      local kept = redis.call('HMGET', window.key, 'run', 'before')
      local floor = kept[1] == run and tonumber(kept[2]) or window.sum
      local lost = math.max(0, before - floor)
      if lost + since > 0 then
        add(window, lost + since)
        redis.call('HSET', window.key, 'run', run, 'before', whole(math.max(floor, before)))
      end
    end
  end
  return {}
end

local function leave(server)
  return {redis.call('ZREM', SERVERS, server)}
end

local commands = {admit = admit, settle = settle, beat = beat, join = join, restore = restore, leave = leave}
return cmsgpack.pack(commands[ARGV[1]](unpack(cmsgpack.unpack(ARGV[2]))))
