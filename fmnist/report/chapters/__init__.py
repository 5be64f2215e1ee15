"""The chapters of the report: one function each, facts to the data of its template."""
