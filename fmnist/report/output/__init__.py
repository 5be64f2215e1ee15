"""From chapters to files: templates, content policy, PDF, attachments, model card."""
