"""The web app: pages on Streamlit that show what the engine and the exports make."""
