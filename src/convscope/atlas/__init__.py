"""An atlas: everything a network learned, as a folder of pages that opens from disk without network or
server.

The flow is `plan` (what to look at) -> `runners` (one task after another, or many at once) -> `work` (one
task, one record) -> `store` (files, written whole) -> `site` (pages). `job.build` goes the whole way.
"""
