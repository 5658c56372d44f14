-- Several requests side by side. There is no session to open or close: connections are kept for the next request, and
-- given back when a call has ended, however it ends.
local api = "https://api.github.com/repos/"

local function api_cagir(repo)
    local is_name = string.match(repo, "^[%w._-]+/[%w._-]+$")
    assert(is_name, "a repository is named like owner/name") -- clients choose it: nothing but a name goes into the URL
    local response = http.get(api .. repo, { headers = { ["User-Agent"] = "anabranch" } }) -- GitHub wants one
    return response:check():json()
end

local g = StateGraph {
    repos = { type = "array", default = { "langchain-ai/langgraph", "langchain-ai/langchain" } },
    satirlar = "array",
}

g:add_node("ask", function(state)
    local calls = {}
    for i, repo in ipairs(state.repos) do
        calls[i] = function() return api_cagir(repo) end
    end
    local satirlar = json.array {}
    for i, sonuc in ipairs(gather(calls)) do
        satirlar[i] = string.format("Repo: %s, Stars: %d", sonuc.name or "N/A", sonuc.stargazers_count or 0)
    end
    return { satirlar = satirlar }
end)
g:set_entry_point("ask")
g:set_finish_point("ask")

return g:compile { description = "Lesson 4, 4: name and stars of repositories, asked side by side. Needs the internet." }
