"""Where runs stand: staged, complete, published whole or not at all.

- `shelf`: the folder of a report: staging, published runs, `latest`, failures.
- `complete_run`: whether a run succeeded; nothing is taken on trust.
- `whole_run`: whether a published run is still whole.
- `run_list`: one line a run, in the order of publishing.
- `owed_alerts`: alerts that nobody was told yet.
- `json_files`: the JSON files of a run.
- `atomic_files`: files replaced as a whole, on file systems that lack one thing or the other.
- `manifest`: everything that decides the content of a run, hashed.
- `locks`: a lock that dies with its process.
"""
