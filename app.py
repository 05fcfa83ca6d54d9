"""The web app: `python app.py`, and what a Hugging Face Space runs. An installed package has `ctl app`."""

from ctl.web.app import leave, main

if __name__ == "__main__":
    leave(main())
