"""The tabs of the page. Each module holds what one tab consists of, where it stands, and what its events do."""
