"""The app's own components on Streamlit's interface: HTML panels, the table of records, the filter boxes."""
