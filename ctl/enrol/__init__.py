"""From clips to galleries (`clips`), and the command line that keeps them (`cli`)."""
