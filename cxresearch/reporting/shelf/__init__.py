"""Where runs stand: staged, complete, published whole or not at all.

- `shelf`: the folder of a report: staging, published runs, `latest`, failures.
- `complete_run`: whether a run succeeded; nothing is taken on trust.
- `json_files`: the JSON files of a run.
- `manifest`: everything that decides the content of a run, hashed.
- `locks`: a lock that dies with its process.
"""
