"""The web app: `python app.py`, and what a Hugging Face Space runs."""
