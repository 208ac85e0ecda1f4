"""Masters go out to and come in from spreadsheets: CSV and XLSX, checked whole before anything is written."""
