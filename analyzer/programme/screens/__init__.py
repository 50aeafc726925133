"""The fragments of HTML of the portal's pages. Templates: reports/templates/portal."""
