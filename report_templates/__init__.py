"""How the report looks: templates, style sheets, fonts and the concept questions. No logic."""
