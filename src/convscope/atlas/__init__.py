"""An atlas: every unit of any network, as a folder of pages that opens from disk without network or server.

The flow is `subject` (which networks, which pictures, how much) -> `plan` (frozen tasks with keys) -> `runners` (one
group of tasks after another, or many at once) -> `work` (tasks -> records) -> `store` (files, written whole) ->
`gather` (what all tasks together say of each unit) -> `site` (pages). `job.build` goes the whole way.
"""
